import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Weights } from '../../detection/contract.js';
import { type Manifest, parseManifest } from '../../detection/model/manifest.js';
import { packWeights, unpackWeights } from '../../detection/model/weights.js';

/** A model package as it was read from its folder, digests checked. */
export interface ModelPackage {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly weights: Weights;
}

/** A package that may not be used, with what is wrong and what to do. */
export class ModelPackageError extends Error {
  override readonly name = 'ModelPackageError';
  constructor(folder: string, fault: string, cause?: unknown) {
    super(`the model package in ${folder} can't be used: ${fault}`, { cause });
  }

  /** there is no package at all, as against one that is damaged */
  get missing(): boolean {
    return (this.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
  }
}

/**
 * Reads a package.
 * @throws ModelPackageError when a file is missing or damaged, or a digest doesn't match
 */
export async function readModelPackage(folder: string): Promise<ModelPackage> {
  const read = async (name: string) => {
    try {
      return await readFile(join(folder, name));
    } catch (error) {
      throw new ModelPackageError(
        folder,
        `${name} can't be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'}); train a model with 'riskwire train' or name the folder that holds one`,
        error,
      );
    }
  };
  const text = (await read('manifest.json')).toString('utf8');
  let manifest: Manifest;
  try {
    manifest = parseManifest(JSON.parse(text) as unknown);
  } catch (error) {
    throw new ModelPackageError(folder, error instanceof Error ? error.message : String(error), error);
  }
  const bytes = await read('weights.bin');
  const digest = sha256(bytes);
  if (digest !== manifest.digests['weights.bin']) {
    throw new ModelPackageError(
      folder,
      `weights.bin has SHA-256 ${digest} and the manifest says ${manifest.digests['weights.bin']}; it is damaged or belongs to another package`,
    );
  }
  try {
    return { folder, manifest, weights: unpackWeights(bytes, manifest.tensors) };
  } catch (error) {
    throw new ModelPackageError(folder, error instanceof Error ? error.message : String(error), error);
  }
}

/** Writes a package beside its place and moves it there, so that a reader never sees half of one. */
export async function writeModelPackage(
  folder: string,
  manifest: Omit<Manifest, 'tensors' | 'digests'>,
  weights: Weights,
  files: Readonly<Record<string, string>>,
): Promise<Manifest> {
  const { bytes, tensors } = packWeights(weights);
  const whole: Manifest = { ...manifest, tensors, digests: { 'weights.bin': sha256(bytes) } };
  const fresh = `${folder}.new`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  await writeFile(join(fresh, 'weights.bin'), bytes);
  await writeFile(join(fresh, 'manifest.json'), `${JSON.stringify(whole, null, 2)}\n`);
  for (const [name, text] of Object.entries(files)) await writeFile(join(fresh, name), text);
  await rm(folder, { recursive: true, force: true });
  await rename(fresh, folder);
  return whole;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
