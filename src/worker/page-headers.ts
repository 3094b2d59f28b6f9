/** The headers of a page that the Worker sends, as `_headers` has those of the other pages. */

/**
 * A page's file as a reply. Hosts that don't read `_headers` have its policy in the HTML, but for what only a
 * header can say.
 */
export function asPage(file: Response): Response {
  const response = new Response(file.body, file);
  const { headers } = response;
  if (!headers.has('content-security-policy'))
    headers.set('content-security-policy', "frame-ancestors 'none'");
  headers.set('x-frame-options', 'DENY');
  headers.set('x-content-type-options', 'nosniff');
  headers.set('referrer-policy', 'no-referrer');
  headers.set('cache-control', 'no-cache');
  return response;
}
