/**
 * Adam with decoupled weight decay (Loshchilov and Hutter 2019), on plain arrays: moments stay out of the tensor
 * backend, so every backend takes the same steps.
 */
export class AdamW {
  private readonly first: Float64Array[];
  private readonly second: Float64Array[];
  private steps = 0;

  constructor(
    private readonly parameters: readonly Float32Array[],
    private readonly rate: number,
    private readonly decay: number,
  ) {
    this.first = parameters.map((values) => new Float64Array(values.length));
    this.second = parameters.map((values) => new Float64Array(values.length));
  }

  step(gradients: readonly Float32Array[]): void {
    this.steps++;
    const rate = (this.rate * Math.sqrt(1 - 0.999 ** this.steps)) / (1 - 0.9 ** this.steps);
    const keep = 1 - this.rate * this.decay;
    this.parameters.forEach((values, p) => {
      const gradient = gradients[p]!;
      const m = this.first[p]!;
      const v = this.second[p]!;
      for (let i = 0; i < values.length; i++) {
        const g = gradient[i]!;
        const mi = 0.9 * m[i]! + 0.1 * g;
        const vi = 0.999 * v[i]! + 0.001 * g * g;
        m[i] = mi;
        v[i] = vi;
        values[i] = values[i]! * keep - (rate * mi) / (Math.sqrt(vi) + 1e-8);
      }
    });
  }
}
