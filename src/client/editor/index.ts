/** The editor of a shared text, as CodeMirror extensions. It knows neither the page nor the wire. */
export { type Answer, dismissAnswer, newestAnswer, takeBackAnswer } from './answer.ts';
export { answerMarks } from './answer-marks.ts';
export { collaboration } from './collaboration.ts';
export { PEER_COLORS, PEER_TEXT_COLOR, peerColor } from './peer-colors.ts';
export { movePeers, shownPeers } from './peers.ts';
export type { CollaborativeDocument, EditOrigin, PeerSelection, RemoteChange } from './ports.ts';
export { type Problem, problemMarks, showProblem } from './problem.ts';
export { editSource } from './remote-change.ts';
export { type SoundingPlace, showPlayed, showSounding, sounding } from './sounding.ts';
