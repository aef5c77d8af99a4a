import { messageOf } from '../../errors.ts';

/** The numbers that clients know, of the failures that this interface finds by itself. */
export const codes = {
  CANNOT_PARSE_INPUT_ASSERTION_FAILED: 27,
  BAD_ARGUMENTS: 36,
  UNKNOWN_FUNCTION: 46,
  NOT_IMPLEMENTED: 48,
  UNKNOWN_TYPE: 50,
  UNKNOWN_TABLE: 60,
  SYNTAX_ERROR: 62,
  UNKNOWN_FORMAT: 73,
  UNKNOWN_DATABASE: 81,
  TIMEOUT_EXCEEDED: 159,
  READONLY: 164,
  TOO_MANY_SIMULTANEOUS_QUERIES: 202,
  QUERY_IS_TOO_LARGE: 229,
  CANNOT_DECOMPRESS: 271,
  UNKNOWN_COMPRESSION_METHOD: 89,
  TOO_MANY_ROWS_OR_BYTES: 396,
  UNKNOWN_QUERY_PARAMETER: 456,
  ACCESS_DENIED: 497,
  AUTHENTICATION_FAILED: 516,
  STD_EXCEPTION: 1001,
} as const;

type CodeName = keyof typeof codes;

const unknownThings = [16, 46, 47, 50, 56, 60, 63, 73, 81, 115];
const badRequests = [6, 25, 26, 27, 36, 38, 41, 43, 53, 62, 72, 89, 117, 130, 167, 168, 271, 321, 456];

const statusByCode = new Map<number, number>([
  ...unknownThings.map((code) => [code, 404] as const),
  ...badRequests.map((code) => [code, 400] as const),
  [codes.NOT_IMPLEMENTED, 501],
  [codes.TIMEOUT_EXCEEDED, 408],
  [codes.READONLY, 403],
  [codes.TOO_MANY_SIMULTANEOUS_QUERIES, 503],
  [codes.QUERY_IS_TOO_LARGE, 413],
  [codes.ACCESS_DENIED, 403],
  [codes.AUTHENTICATION_FAILED, 403],
]);

/** A failure as ClickHouse tells it: `Code: 62. DB::Exception: … (SYNTAX_ERROR)`. */
export class Exception extends Error {
  override readonly name = 'Exception';
  readonly code: number;

  constructor(code: number, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.code = code;
  }

  /** What HTTP makes of it. */
  get status(): number {
    return statusByCode.get(this.code) ?? 500;
  }
}

/** A refusal of this interface's own. */
export const exception = (name: CodeName, message: string): Exception =>
  new Exception(codes[name], `Code: ${codes[name]}. DB::Exception: ${message} (${name})`);

const maxMessageLength = 8192;

/** What the engine threw. Its text goes to whoever asked: it speaks of their query. */
export const exceptionOf = (thrown: unknown): Exception => {
  if (thrown instanceof Exception) return thrown;
  const message = messageOf(thrown).slice(0, maxMessageLength);
  const code = /^Code: (\d+)\. /.exec(message)?.[1];
  if (code !== undefined) return new Exception(Number(code), message, thrown);
  return new Exception(codes.STD_EXCEPTION, `Code: 1001. DB::Exception: ${message} (STD_EXCEPTION)`, thrown);
};
