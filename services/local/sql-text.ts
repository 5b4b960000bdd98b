/** What must be known of a query's text before the engine sees it. */
export interface SqlText {
  /** the statement, without inline data */
  readonly statement: string;
  readonly isInsert: boolean;
  /** the name after the last top-level FORMAT */
  readonly format?: string;
  /** where `FROM INFILE …` goes in an INSERT with a format: before its SETTINGS or FORMAT */
  readonly clauseAt?: number;
  /** in an INSERT with a format: where its data starts in the text */
  readonly dataAt?: number;
  /** text follows a semicolon: a second statement */
  readonly hasSecondStatement: boolean;
}

interface Token {
  readonly kind: 'word' | 'semicolon' | 'other';
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** how many parentheses are open around it */
  readonly depth: number;
}

/**
 * Reads a query like the server does: comments and quoted text are skipped, and what follows an INSERT's FORMAT is data
 * that is not SQL. `VALUES` lists are SQL here (they may hold expressions and parameters).
 */
export function readSql(text: string): SqlText {
  const words: Token[] = [];
  let dataAt: number | undefined;
  let end = text.length;
  let hasSecondStatement = false;
  for (const token of tokens(text)) {
    if (end < text.length) {
      hasSecondStatement = true;
      break;
    }
    if (token.kind === 'semicolon') {
      end = token.start;
      continue;
    }
    words.push(token);
    if (isInsert(words) && words.length > 3 && isKeyword(words.at(-2), 'FORMAT') && token.kind === 'word') {
      if (token.text.toUpperCase() === 'VALUES') continue;
      dataAt = startOfData(text, token.end);
      end = token.end;
      break;
    }
  }
  const at = findLast(words, (word) => isKeyword(word, 'FORMAT'));
  const name = at === -1 ? undefined : words[at + 1];
  const settings = words.find((word) => isKeyword(word, 'SETTINGS'));
  return {
    statement: text.slice(0, end),
    isInsert: isInsert(words),
    format: name?.kind === 'word' ? name.text : undefined,
    clauseAt: dataAt === undefined ? undefined : (settings ?? words[at]!).start,
    dataAt,
    hasSecondStatement,
  };
}

function isInsert(words: readonly Token[]): boolean {
  return isKeyword(words[0], 'INSERT');
}

function isKeyword(token: Token | undefined, keyword: string): boolean {
  return token?.kind === 'word' && token.depth === 0 && token.text.toUpperCase() === keyword;
}

function findLast(words: readonly Token[], test: (word: Token) => boolean): number {
  for (let at = words.length - 1; at >= 0; at -= 1) if (test(words[at]!)) return at;
  return -1;
}

/** After the format's name: blanks, and one line end at most, belong to the statement. */
function startOfData(text: string, from: number): number {
  return from + (/^[ \t\f]*;?[ \t\f]*\r?\n?/.exec(text.slice(from, from + 200))?.[0].length ?? 0);
}

const PATTERN =
  /(?<skip>\s+|--[^\n]*|#[! ][^\n]*|\/\*[\s\S]*?\*\/)|(?<quoted>'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"|`(?:[^`\\]|\\[\s\S]|``)*`|\$(?<tag>\w*)\$[\s\S]*?\$\k<tag>\$)|(?<word>\w+)|(?<open>[([{])|(?<close>[)\]}])|(?<semicolon>;)|(?<other>[\s\S])/y;

function* tokens(text: string): Generator<Token> {
  const pattern = new RegExp(PATTERN);
  let depth = 0;
  for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
    const { skip, word, open, close, semicolon } = match.groups!;
    if (skip !== undefined) continue;
    if (close !== undefined) depth = Math.max(0, depth - 1);
    const kind = word !== undefined ? 'word' : semicolon !== undefined ? 'semicolon' : 'other';
    yield { kind, text: match[0], start: match.index, end: pattern.lastIndex, depth };
    if (open !== undefined) depth += 1;
  }
}
