/** Said while the hosts of a session are asked. */
export function KnockWaiting({ giveUp }: { giveUp(): void }) {
  return (
    <div class="knocking">
      <p role="status" data-testid="knocking">
        You have asked the host. This page goes on by itself when they answer.
      </p>
      <button type="button" data-testid="knock-cancel" onClick={giveUp}>
        Don’t wait
      </button>
    </div>
  );
}
