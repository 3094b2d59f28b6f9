/**
 * The logo, as in `favicon.svg`. Drawn in place: an SVG that an `<img>` loads is a document of its own, which
 * keeps the first paint waiting.
 */
export function Logo({ size }: { size: number }) {
  return (
    <svg class="logo" viewBox="0 0 64 64" width={size} height={size} aria-hidden="true" focusable="false">
      <rect width="64" height="64" rx="15" fill="#171c24" />
      <path stroke="#ffb454" stroke-width="7" stroke-linecap="round" d="M15.5 29.5v5M37.5 29.5v5" />
      <path stroke="#5ee0a0" stroke-width="7" stroke-linecap="round" d="M26.5 17.5v29M48.5 17.5v29" />
    </svg>
  );
}
