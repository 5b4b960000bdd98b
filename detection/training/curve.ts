/** Mean losses after an epoch; epoch 0 is the linear model that the network starts from. */
export interface CurvePoint {
  readonly epoch: number;
  /** on rows that the network learns from (the sequence model: while it learned from them) */
  readonly learned: number;
  /** on the stretch of time after them, which decides when training stops */
  readonly heldOut: number;
}
