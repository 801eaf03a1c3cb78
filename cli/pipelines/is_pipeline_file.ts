/** Which files are pipeline files. On its own, because what reads them is large, and loaded only for them. */

/** Whether `path` is that of a pipeline file. */
export function isPipelineFile(path: string): boolean {
  return /\.ya?ml$/.test(path);
}
