import type { ComponentChildren, ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Dialog } from './dialog.tsx';

/**
 * A component whose code is loaded when it is first drawn. What can't be loaded says so, and offers another
 * try or a reload: the page may be older than what the server has.
 */
export function lazy<Props extends object>(load: () => Promise<ComponentType<Props>>): ComponentType<Props> {
  return loadedBy(load, (offer) => (
    <div class="not-loaded" role="alert">
      {offer}
    </div>
  ));
}

/** The same of a dialog, in whose place a dialog says so. */
export function lazyDialog<Props extends { onClose(): void }>(
  load: () => Promise<ComponentType<Props>>,
): ComponentType<Props> {
  return loadedBy(load, (offer, { onClose }) => (
    <Dialog id="not-loaded" heading="Not loaded" onClose={onClose}>
      <div class="not-loaded">{offer}</div>
    </Dialog>
  ));
}

/** @param instead what is shown of it when it can't be loaded, with what is offered then. */
function loadedBy<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
  instead: (offer: ComponentChildren, props: Props) => ComponentChildren,
): ComponentType<Props> {
  let loaded: ComponentType<Props> | null = null;
  return function Lazy(props: Props) {
    const [, redraw] = useState(0);
    const [hasFailed, setFailed] = useState(false);
    useEffect(() => {
      if (loaded || hasFailed) return;
      let isWanted = true;
      load().then(
        (component) => {
          loaded = component;
          if (isWanted) redraw(1);
        },
        () => isWanted && setFailed(true),
      );
      return () => {
        isWanted = false;
      };
    }, [hasFailed]);
    const Loaded = loaded;
    if (Loaded) return <Loaded {...props} />;
    if (!hasFailed) return null;
    return instead(
      <>
        <p>This part of the page couldn’t be loaded. There may be a newer version of it.</p>
        <button type="button" onClick={() => setFailed(false)}>
          Try again
        </button>
        <button type="button" class="primary" data-testid="reload" onClick={() => location.reload()}>
          Reload
        </button>
      </>,
      props,
    );
  };
}
