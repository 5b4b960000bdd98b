/** An error as the ClickHouse server reports it: a code, and a message that starts with it. */
export class ClickHouseFault extends Error {
  override readonly name = 'ClickHouseFault';
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

export const CODE = {
  NOT_IMPLEMENTED: 48,
  SYNTAX_ERROR: 62,
  UNKNOWN_COMPRESSION_METHOD: 89,
  BAD_REQUEST_PARAMETER: 36,
  TOO_MANY_SIMULTANEOUS_QUERIES: 202,
  QUERY_IS_TOO_LARGE: 229,
  ACCESS_DENIED: 497,
  UNKNOWN_EXCEPTION: 1002,
} as const;

export function fault(name: keyof typeof CODE, message: string): ClickHouseFault {
  return new ClickHouseFault(CODE[name], `Code: ${CODE[name]}. DB::Exception: ${message}. (${name})`);
}

/** The engine's error, whose code is at the start of its text. */
export function faultOf(error: unknown): ClickHouseFault {
  if (error instanceof ClickHouseFault) return error;
  const text = (error instanceof Error ? error.message : String(error)).replace(/^Query failed: /, '');
  const code = /^Code: (\d+)\./.exec(text)?.[1];
  return code ? new ClickHouseFault(Number(code), text) : fault('UNKNOWN_EXCEPTION', text);
}

/** Status by exception code, as the server's exceptionCodeToHTTPStatus.cpp has it; all others are 500. */
const STATUS = new Map<number, number>();
const codes = (status: number, ...list: number[]) => {
  for (const code of list) STATUS.set(code, status);
};
codes(
  400,
  6,
  8,
  15,
  25,
  26,
  27,
  36,
  37,
  38,
  41,
  44,
  53,
  62,
  72,
  117,
  123,
  167,
  168,
  223,
  321,
  376,
  427,
  441,
  675,
  676,
);
codes(401, 194);
codes(403, 192, 193, 497, 512, 516);
codes(404, 46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511);
codes(408, 159);
codes(411, 381);
codes(413, 229);
codes(415, 779);
codes(501, 48);
codes(503, 76, 209, 439);

export function statusOf(code: number): number {
  return STATUS.get(code) ?? 500;
}
