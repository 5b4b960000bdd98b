/**
 * What a service's process is started with, for the C library's allocator; the image sets the same. Buffers above a
 * quarter of a MiB (fetches, pages of checkpoints) go back to the system once the garbage collector
 * has freed them. glibc raises that bound to the size of what was freed, after which they are cut from a heap that
 * only grows: over half an hour at high load by a twentieth.
 */
export const SERVICE_ENV: Readonly<Record<string, string>> = { MALLOC_MMAP_THRESHOLD_: '262144' };
