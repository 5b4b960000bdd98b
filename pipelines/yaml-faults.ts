import { isNode, LineCounter, parseDocument } from 'yaml';

/** One fault of a definition file: where, what, and what to do about it. */
export interface Fault {
  readonly line: number;
  readonly path: string;
  readonly message: string;
}

export class DefinitionError extends Error {
  constructor(
    readonly file: string,
    readonly faults: readonly Fault[],
  ) {
    super(
      `${file} is not a pipeline definition (${faults.length === 1 ? '1 fault' : `${faults.length} faults`}):\n${faults
        .map((fault) => `  line ${fault.line}: ${fault.path === '' ? '' : `${fault.path}: `}${fault.message}`)
        .join('\n')}`,
    );
    this.name = 'DefinitionError';
  }
}

/** A YAML text with its values and the line of every path in it. Throws DefinitionError when it isn't YAML. */
export function readYaml(
  file: string,
  text: string,
): { value: unknown; lineOf(path: readonly (string | number)[]): number } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  if (document.errors.length > 0) {
    throw new DefinitionError(
      file,
      document.errors.map((error) => ({
        line: lines.linePos(error.pos[0]).line,
        path: '',
        message: error.message.split('\n')[0] ?? error.code,
      })),
    );
  }
  return {
    value: document.toJS() as unknown,
    /** of the deepest part of the path that is there */
    lineOf(path) {
      for (let depth = path.length; depth > 0; depth--) {
        const node = document.getIn(path.slice(0, depth), true);
        if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
      }
      return 1;
    },
  };
}
