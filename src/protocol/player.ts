/**
 * The messages between a page and the player in its frame (`postMessage`). The page trusts nothing that the
 * frame says, and the frame listens only to its parent: each side parses what it hears with these schemas.
 *
 * This file is under the project's licence. The player that speaks it (`src/player`) has its own.
 */
import * as z from 'zod';
import { MAX_CODE_BYTES } from './limits.ts';

/** Where the build puts the player's page, below the site's root. */
export const PLAYER_PATH = '/player/';
/** The same, for pages that other sites may show in a frame. */
export const EMBEDDED_PLAYER_PATH = '/pattern-player/';

/** How many functions and sounds a player may name. */
const MAX_NAMES = 20_000;
/** Places in the code that may sound at once; more aren't marked. */
export const MAX_PLACES = 500;
/** Sounds that aren't heard, and the places of each; more aren't told. */
export const MAX_UNHEARD = 50;
export const MAX_UNHEARD_PLACES = 20;
const MAX_TEXT_CHARS = 2_000;

const number = z.number();
const position = number.int().nonnegative();
const text = z.string().max(MAX_TEXT_CHARS);
/** Made by the page, and said again in the answer. */
const id = number.int().nonnegative();

/**
 * Ties cycles to the room's clock: at the room's time `room_ms` (milliseconds since 1970) it is cycle
 * `cycle`. The tempo comes from the code. All who evaluate the same code with the same anchor hear the same
 * beat.
 */
export const anchorSchema = z.object({ room_ms: number, cycle: number });
export type Anchor = z.infer<typeof anchorSchema>;

/** Of CSS, whatever its notation. */
const color = z.string().regex(/^[\w#(),.%/ -]{1,64}$/);

/** What the player's frame draws, where the page shows it. */
export const visualSchema = z.object({
  /** `roll`: the events around now, by time and pitch. `scope`: the wave that comes out. */
  view: z.enum(['roll', 'scope']),
  colors: z.object({
    /** Whether the page is light or dark; a browser paints a frame white that doesn't say the same. */
    scheme: z.enum(['light', 'dark']),
    ground: color,
    /** Of cycles' beginnings. */
    line: color,
    /** Of the present, and of the wave. */
    now: color,
    /** Of events; each sound has one of them. */
    marks: z.array(color).min(1).max(12),
  }),
  /** It moves even if this computer's user prefers less motion: they asked for it. */
  moves: z.boolean(),
});
export type Visual = z.infer<typeof visualSchema>;

/** From a page to its player. */
export const toPlayerSchema = z.discriminatedUnion('type', [
  /** Evaluates, and plays if that succeeds. Without `at`: from cycle 0, or on from where it is. */
  z.object({
    type: z.literal('evaluate'),
    id,
    code: z.string().max(MAX_CODE_BYTES),
    at: anchorSchema.optional(),
  }),
  z.object({ type: z.literal('stop') }),
  /** From 0 to 1. */
  z.object({ type: z.literal('volume'), volume: number.min(0).max(1) }),
  /** The room's clock is this far ahead of this computer's (`Date.now()`). */
  z.object({ type: z.literal('clock'), offset_ms: number }),
  /** Plays one sound once, whatever else plays; `bd:2` is one of its variations. `note` is a MIDI number. */
  z.object({ type: z.literal('preview'), sound: z.string().max(200), note: number.optional() }),
  /** Draws this from now on, whenever something plays; null: nothing. */
  z.object({ type: z.literal('show'), visual: visualSchema.nullable() }),
  z.object({ type: z.literal('measure'), id }),
  /** Is it still there? The answer is `pong`. */
  z.object({ type: z.literal('ping'), id }),
]);
export type ToPlayer = z.infer<typeof toPlayerSchema>;

/** A place in the code, from `start` up to `end`, in UTF-16 units. */
const placeSchema = z.object({ start: position, end: position });
export type Place = z.infer<typeof placeSchema>;

export const playerErrorSchema = z.object({
  /**
   * `syntax`: the code or a mini-notation can't be read. `runtime`: it failed while it ran.
   * `too_long`: a loop, a recursion or a query took too long, or made too much. `sound`: a sample map or the
   * sound of a preview can't be had.
   * `audio_blocked`: the browser wants a click first. `superseded`: a newer evaluation has taken its place.
   * `player_lost`: the player doesn't answer.
   */
  kind: z.enum(['syntax', 'runtime', 'too_long', 'sound', 'audio_blocked', 'superseded', 'player_lost']),
  message: text,
  /** Where in the code, from 1, if that is known. `column` counts UTF-16 units. */
  line: number.int().positive().nullable(),
  column: number.int().positive().nullable(),
});
export type PlayerError = z.infer<typeof playerErrorSchema>;

/** A sound of what plays that isn't heard. The pattern goes on without it. */
const unheardSchema = z.object({
  /**
   * `unknown`: there is no such sound. `loading`: it takes its time. `not_loaded`: its sample couldn't be
   * loaded. `failed`: the synthesizer or an effect of it doesn't work as it is written.
   */
  kind: z.enum(['unknown', 'loading', 'not_loaded', 'failed']),
  /** What isn't heard and why, for people. */
  message: text,
  /** Where the code asks for it; none where that isn't known. */
  places: z.array(placeSchema).max(MAX_UNHEARD_PLACES),
});
export type Unheard = z.infer<typeof unheardSchema>;

const soundNameSchema = z.object({
  name: z.string().max(200),
  kind: z.enum(['kit', 'synth', 'sample']),
  /** How many there are under this name: `name:0`, `name:1`, … */
  variations: number.int().positive(),
  /** It is another name of this sound: of `rolandtr909_bd`, for `tr909_bd`. */
  alias_of: z.string().max(200).optional(),
});

/** From a player to its page. */
export const fromPlayerSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready') }),
  /** An evaluation succeeded: the code plays, its cycles tied to the room's clock. */
  z.object({ type: z.literal('started'), id, at: anchorSchema, cycles_per_second: number.positive() }),
  /** With `id`: that evaluation failed and has changed nothing. Without: what plays met trouble. */
  z.object({ type: z.literal('error'), id: id.optional(), error: playerErrorSchema }),
  z.object({ type: z.literal('stopped') }),
  /** What sounds now, by its places in the code that was evaluated as `id`. Sent when it changes. */
  z.object({ type: z.literal('sounding'), id, places: z.array(placeSchema).max(MAX_PLACES) }),
  /** What of the evaluation `id` isn't heard, all of it. Sent when that changes; at first all is heard. */
  z.object({ type: z.literal('unheard'), id, sounds: z.array(unheardSchema).max(MAX_UNHEARD) }),
  /** The device takes the sound away from what plays (`true`), as for a call, or gives it back. */
  z.object({ type: z.literal('interrupted'), is_interrupted: z.boolean() }),
  /** What may be written: sent at the start, and again when more sounds are known. */
  z.object({
    type: z.literal('names'),
    functions: z.array(z.string().max(200)).max(MAX_NAMES),
    sounds: z.array(soundNameSchema).max(MAX_NAMES),
  }),
  /** What comes out now. */
  z.object({
    type: z.literal('measured'),
    id,
    /** Root mean square and greatest amplitude of the last 170 ms or so. */
    rms: number,
    peak: number,
    /** By its zero crossings; null when it is silent or has no pitch. */
    frequency_hz: number.nullable(),
    /** The last few milliseconds' greatest amplitude, to find an onset by. */
    recent_peak: number,
    /** The cycle at this moment; null when nothing plays. */
    cycle: number.nullable(),
  }),
  z.object({ type: z.literal('pong'), id }),
]);
export type FromPlayer = z.infer<typeof fromPlayerSchema>;
/** One of the messages of a player. */
export type PlayerSays<Type extends FromPlayer['type']> = Extract<FromPlayer, { type: Type }>;
export type SoundName = PlayerSays<'names'>['sounds'][number];
