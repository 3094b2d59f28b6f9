/** The content security policies in a `_headers` file, for pages that say them in a `<meta>`, too. */

/** What browsers ignore in a `<meta>`, with a warning (https://www.w3.org/TR/CSP3/#meta-element). */
const NOT_IN_META = ['frame-ancestors', 'sandbox', 'report-uri'];

/** Where `_headers` wants the hashes of the scripts that are in the HTML itself. */
const INLINE_PLACE = ' %inline-scripts%';

/** `_headers` with these hashes in their place: `'sha256-…'`. */
export function withInlineScripts(headers: string, hashes: readonly string[]): string {
  return headers.replaceAll(INLINE_PLACE, hashes.map((hash) => ` ${hash}`).join(''));
}

/**
 * The policy that a `_headers` file has for a pattern of paths, as far as a `<meta>` can say it.
 * @throws {Error} when there is none
 */
export function metaPolicy(headers: string, pattern = '/*'): string {
  const rules = headers.split(/^(?=\/)/m);
  const rule = rules.find((text) => text.startsWith(`${pattern}\n`)) ?? '';
  const policy = /^[ \t]+Content-Security-Policy: (.+)$/m.exec(rule)?.[1];
  if (policy === undefined) throw new Error(`_headers has no Content-Security-Policy for ${pattern}`);
  // Without hashes no such script is allowed.
  return withInlineScripts(policy, [])
    .split(';')
    .map((directive) => directive.trim())
    .filter((directive) => !NOT_IN_META.includes(directive.split(' ')[0] ?? ''))
    .join('; ');
}
