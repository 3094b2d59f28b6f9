/**
 * Draws the other participants' carets, names and selections over and under the text. They are layers, and no
 * part of the content: nothing that a participant does elsewhere touches the text that another is composing.
 */
import { EditorSelection, type Extension } from '@codemirror/state';
import { EditorView, type LayerMarker, layer, RectangleMarker, type ViewUpdate } from '@codemirror/view';
import { type CaretPlace, placeTags, TAG_HEIGHT } from './name-tags.ts';
import { PEER_COLORS, PEER_TEXT_COLOR, peerColor, peerColorStyle } from './peer-colors.ts';
import { type ShownPeer, shownPeers } from './peers.ts';
import { writtenAround } from './written.ts';

/** From a name to the editor's right edge, in pixels. */
const EDGE = 4;

class CaretMarker implements LayerMarker {
  constructor(
    readonly peer: ShownPeer,
    readonly rectangle: RectangleMarker,
    readonly place: CaretPlace,
  ) {}

  eq(other: CaretMarker): boolean {
    return (
      this.#isSameMove(other) &&
      this.rectangle.eq(other.rectangle) &&
      this.place.shift === other.place.shift &&
      this.place.tag?.left === other.place.tag?.left &&
      this.place.tag?.top === other.place.tag?.top &&
      this.place.tag?.width === other.place.tag?.width
    );
  }

  draw(): HTMLElement {
    const caret = document.createElement('div');
    const tag = document.createElement('span');
    tag.className = 'cm-peer-name';
    tag.textContent = this.peer.name;
    caret.append(tag);
    this.#adjust(caret, tag);
    return caret;
  }

  /** Moves the element along with the text. One that moved by itself is drawn anew, which shows its name. */
  update(caret: HTMLElement, drawn: CaretMarker): boolean {
    const tag = caret.firstElementChild;
    if (!this.#isSameMove(drawn) || !(tag instanceof HTMLElement)) return false;
    this.#adjust(caret, tag);
    return true;
  }

  #isSameMove({ peer }: CaretMarker): boolean {
    const { id, name, color, moves } = this.peer;
    return peer.id === id && peer.name === name && peer.color === color && peer.moves === moves;
  }

  #adjust(caret: HTMLElement, tag: HTMLElement): void {
    const { left, top, height } = this.rectangle;
    const { peer } = this;
    const { shift, tag: place } = this.place;
    caret.className = `cm-peer cm-peer-${peerColor(peer.color)}`;
    caret.style.left = `${left + shift}px`;
    caret.style.top = `${top}px`;
    caret.style.height = `${height}px`;
    tag.classList.toggle('cm-peer-name-hidden', place === null);
    if (!place) return;
    tag.style.left = `${place.left - left - shift}px`;
    tag.style.top = `${place.top - top}px`;
    tag.style.maxWidth = `${place.width}px`;
  }
}

function caretMarkers(view: EditorView): CaretMarker[] {
  const { length } = view.state.doc;
  const found = shownPeers(view.state).flatMap((peer) => {
    const [rectangle] = RectangleMarker.forRange(
      view,
      '',
      EditorSelection.cursor(Math.min(peer.head, length)),
    );
    return rectangle ? [{ peer, rectangle }] : [];
  });
  const { scrollTop, scrollLeft, clientWidth, clientHeight } = view.scrollDOM;
  const places = placeTags(
    found.map(({ peer, rectangle: { left, top, height } }) => ({ left, top, height, name: peer.name })),
    writtenAround(
      view,
      found.map(({ peer }) => Math.min(peer.head, length)),
    ),
    {
      left: view.contentDOM.offsetLeft,
      top: scrollTop,
      right: scrollLeft + clientWidth - EDGE,
      bottom: scrollTop + clientHeight,
    },
  );
  return found.flatMap(({ peer, rectangle }, index) => {
    const place = places[index];
    return place ? [new CaretMarker(peer, rectangle, place)] : [];
  });
}

function selectionMarkers(view: EditorView): readonly RectangleMarker[] {
  return shownPeers(view.state)
    .filter(({ anchor, head }) => anchor !== head)
    .flatMap(({ anchor, head, color }) =>
      RectangleMarker.forRange(
        view,
        `cm-peer-selection cm-peer-${peerColor(color)}`,
        EditorSelection.range(anchor, head),
      ),
    );
}

function haveMoved({ docChanged, startState, state }: ViewUpdate): boolean {
  return docChanged || shownPeers(startState) !== shownPeers(state);
}

export const peerLayers: Extension = [
  layer({ above: true, class: 'cm-peer-carets', update: haveMoved, markers: caretMarkers }),
  layer({ above: false, class: 'cm-peer-selections', update: haveMoved, markers: selectionMarkers }),
  EditorView.baseTheme({
    '.cm-peer-carets': { pointerEvents: 'none' },
    '.cm-peer': { width: '2px', marginLeft: '-1px', backgroundColor: 'var(--cm-peer)' },
    // What stays when the name has faded: it sits between the lines and is as wide as three carets.
    '.cm-peer::before': {
      content: '""',
      position: 'absolute',
      top: '-2px',
      left: '-2px',
      width: '6px',
      height: '4px',
      borderRadius: '2px',
      backgroundColor: 'var(--cm-peer)',
    },
    '.cm-peer-name': {
      position: 'absolute',
      boxSizing: 'border-box',
      height: `${TAG_HEIGHT}px`,
      padding: '0 5px',
      borderRadius: '3px',
      overflow: 'hidden',
      textOverflow: 'ellipsis',
      font: `600 10px/${TAG_HEIGHT}px system-ui, sans-serif`,
      whiteSpace: 'nowrap',
      color: PEER_TEXT_COLOR,
      backgroundColor: 'var(--cm-peer)',
      // Names beside all carets at all times would be much to look at.
      animation: 'cm-peer-fade 0.6s 2.5s both',
    },
    '.cm-peer-name-hidden': { visibility: 'hidden' },
    '@keyframes cm-peer-fade': { to: { opacity: '0', visibility: 'hidden' } },
    '.cm-peer-selection': { backgroundColor: 'color-mix(in srgb, var(--cm-peer) 24%, transparent)' },
    ...Object.fromEntries(
      PEER_COLORS.map((_, index) => [`.cm-peer-${index}`, { '--cm-peer': peerColorStyle(index) }]),
    ),
  }),
];
