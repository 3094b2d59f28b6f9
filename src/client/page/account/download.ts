/** Everything that there is of the account, as a file. */
import { exportAccount } from '../../../protocol/http/accounts.ts';
import { ApiError, open } from '../../sdk/call.ts';

/** How a whole file ends. Inside a text the quotes would be escaped: what broke off there doesn't end so. */
const END = /,"is_complete":true\}\s*$/;
const TAIL_BYTES = 100;
const BROKEN_OFF = 'The download broke off: what came is not all of it, and isn’t kept. Please try again.';

/**
 * Fetches it, as it comes, into a file of the browser's own.
 * @param onBytes is told how much has come so far.
 * @throws {ApiError} and {Error}, in words for people, when it isn't whole.
 */
export async function fetchExport(token: string | null, onBytes: (bytes: number) => void): Promise<Blob> {
  const response = await open(exportAccount, { token });
  if (!response.body) throw new ApiError(response.status, 'bad_reply', BROKEN_OFF);
  let bytes = 0;
  const counted = response.body.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        bytes += chunk.byteLength;
        onBytes(bytes);
        controller.enqueue(chunk);
      },
    }),
  );
  let file: Blob;
  try {
    file = await new Response(counted, { headers: { 'content-type': 'application/json' } }).blob();
  } catch (cause) {
    throw new Error(BROKEN_OFF, { cause });
  }
  if (!(await isWhole(file))) throw new Error(BROKEN_OFF);
  return file;
}

export async function isWhole(file: Blob): Promise<boolean> {
  return END.test(await file.slice(-TAIL_BYTES).text());
}

/** Has the browser save a file. */
export function saveAs(file: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

const KB = 1_000;

/** 12 kB, 3.4 MB. */
export function sizeOf(bytes: number): string {
  return bytes < KB * KB ? `${Math.ceil(bytes / KB)} kB` : `${(bytes / (KB * KB)).toFixed(1)} MB`;
}
