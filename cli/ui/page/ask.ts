/** Asking the server. */

/** The answer to `path` below `/api/`. @throws {Error} with the server's words */
export async function ask<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await fetch(`api/${path}`, signal ? { signal } : {});
  const answer = await response.json() as T & { error?: string };
  if (!response.ok) throw new Error(answer.error ?? response.statusText);
  return answer;
}

/** The path of a task's part of the API. */
export function taskPath(
  run: string,
  task: string,
  what: string,
  query: Readonly<Record<string, string | number>>,
): string {
  const parameters = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
  return `runs/${encodeURIComponent(run)}/${encodeURIComponent(task)}/${what}?${parameters}`;
}
