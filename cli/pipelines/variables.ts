/** Variables in pipeline files: `${NAME}` and `${NAME:default}` from the environment; `$${` stands for `${`. */

const VARIABLE = /\$\$\{|\$\{([A-Za-z_]\w*)(?::([^}]*))?\}/g;

/** A text with its variables filled in, and the first one that has no value. */
export interface Filled {
  readonly text: string;
  readonly missing: string | undefined;
}

/** See the module. */
export function fillIn(text: string, environment: Readonly<Record<string, string>>): Filled {
  let missing: string | undefined;
  const filled = text.replace(VARIABLE, (found, name: string | undefined, otherwise: string | undefined) => {
    if (name === undefined) return "${";
    const value = environment[name] ?? otherwise;
    if (value === undefined) missing ??= name;
    return value ?? found;
  });
  return { text: filled, missing };
}
