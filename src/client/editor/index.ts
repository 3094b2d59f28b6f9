/** The editor of a shared text, as CodeMirror extensions. It knows neither the page nor the wire. */
export { answerMarks } from './answer-marks.ts';
export { caretInSight } from './caret-in-sight.ts';
export { collaboration } from './collaboration.ts';
export { FLASH_MS, flashes } from './flashes.ts';
export { hangingIndent } from './hanging-indent.ts';
export { PEER_COLORS, PEER_TEXT_COLOR, peerColor, peerColorStyle } from './peer-colors.ts';
export { movePeers, shownPeers } from './peers.ts';
export type { CollaborativeDocument, EditOrigin, PeerSelection, RemoteChange, TakeBack } from './ports.ts';
export { type Problem, problemMarks, showProblem } from './problem.ts';
export { editSource } from './remote-change.ts';
export {
  bringAnswerAgain,
  dismissAnswer,
  newestAnswer,
  type RoomChange,
  takeBackAnswer,
} from './room-changes.ts';
export { type SoundingPlace, showPlayed, showSounding, sounding } from './sounding.ts';
export { showUnheard, type UnheardSound, unheardMarks } from './unheard.ts';
export { wrapping } from './wrapping.ts';
