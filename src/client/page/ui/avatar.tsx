/** A person as a coloured disc with the first letter of their name. */
export function Avatar({ name, color }: { name: string; color: number }) {
  return (
    <span class={`avatar color-${color}`} aria-hidden="true">
      {[...name][0]?.toUpperCase() ?? '?'}
    </span>
  );
}
