//! Types of the npm package `palate`.

/** What kind of thing the visitor did. */
export type EventKind = 'view' | 'click' | 'like' | 'dislike' | 'save' | 'purchase' | 'dismiss' | 'dwell';

/** A short value of a context or of metadata. */
export type Scalar = string | number | boolean | null;

/** One event to record. */
export interface PalateEvent {
  /** The item's key, as in the index. */
  item: string;
  event: EventKind;
  /** Seconds for 'dwell'; for the others a strength (1 when absent, at most 3 counts). */
  value?: number;
  /** The situation: at most 16 short values. Events recorded in the situation that a list is asked for count more. */
  context?: Record<string, Scalar>;
  /** When it happened, if not just now: a `Date` or milliseconds since 1970. */
  time?: number | Date;
}

/**
 * Conditions on metadata, all of which must hold: a value, a list of which one must match, a range with its ends, or the
 * opposite of one of these. A field that is a list matches with any of its members; a missing one only with `not`.
 */
export type Filter = Record<string, Condition | { not: Condition }>;
export type Condition = Scalar | Scalar[] | { min?: number | string; max?: number | string };

/** What every list may be asked for with. */
export interface ListOptions {
  /** Length of the list, 1 to 1000. */
  k?: number;
  filter?: Filter;
  /** Keys to leave out. */
  exclude?: string[];
  /** Items of the history: leave out those that were judged (the default of `recommend`), all, or none (of the others). */
  seen?: 'hide-judged' | 'hide-all' | 'show';
  /** 0 (by score alone) to 1 (variety alone). */
  diversity?: number;
  /** How variety is looked for: 'mmr' (unlike what stands above; the default) or 'dpp' (a list that spans much together). */
  variety?: 'mmr' | 'dpp';
  /** The mix of the list is to be like the history's in this metadata field (genres, say). Weight 0 to 1, 0.5 when absent. */
  calibrate?: { field: string; weight?: number };
  /** Attention in the list is shared among the values of this metadata field (sellers, say) by merit. Weight 0 to 1, 0.5 when absent. */
  fair?: { field: string; weight?: number };
  /** At most so many items of one value of this metadata field, as far as others fill the list. */
  cap?: { field: string; most: number };
  /** Whether reasons are wanted. */
  explain?: boolean;
  signal?: AbortSignal;
}

export interface RecommendOptions extends ListOptions {
  /**
   * Share of the slots that goes to items which might be better than the profile knows, 0 to 1: drawn by Thompson sampling
   * over what is uncertain, of the terms' worth and of meanings that the history does not speak of.
   */
  explore?: number;
  /**
   * The situation: `text` is compared by meaning; `time` (a Date, a local time like '2026-11-24T19:30', or words like 'weekend
   * evening') brings what others turn to at that part of the week, where the publisher learned it; the other entries are
   * compared with those of the events.
   */
  context?: { text?: string; time?: Date | string } & Record<string, Scalar | Date | undefined>;
  /** Weight of popularity, -1 (niche) to 1 (popular); by default the shorter the history, the more. */
  popularity?: number;
  /** Decides what exploration picks; by default that changes daily and with the history. */
  seed?: number;
}

/**
 * A picture: a file that this browser shows (a photograph stands upright as its EXIF orientation says, of an animation the first
 * frame is seen), pixels, or an element. Transparency is laid over white, and more than 4 megapixels are scaled down.
 * SVG files are refused: draw them on a canvas.
 */
export type Picture = Blob | ImageBitmap | ImageData | HTMLImageElement | HTMLCanvasElement | HTMLVideoElement | OffscreenCanvas | VideoFrame;

/**
 * A sound: a file that this browser plays (WAV, MP3, FLAC, Ogg, WebM, MP4), or decoded samples. The channels are mixed to one. The
 * model listens to the beginning, ten to thirty seconds, and of a longer file no more is decoded; an MP4 is decoded whole, and
 * refused where it lasts more than 15 minutes. Silence is refused.
 */
export type Sound = Blob | AudioBuffer;

/**
 * A film that this browser plays, up to 1 GB: eight evenly spaced frames of it are looked at, in their order where the index was built with
 * `--video-model`, else by their mean. Its sound is heard where the same file is
 * passed as `audio`. A page with a content security policy needs `media-src blob:`.
 */
export type Film = Blob;

/**
 * Words, a picture or a film (the session must be open with `imageModel`), a sound (with `audioModel`), or words and one of those, which count
 * the same then.
 */
export type SearchOptions = ListOptions & ({ text: string; image?: Picture } | { text?: string; image: Picture } | { text?: string; audio: Sound } | { text?: string; video: Film }) & {
  /** How much the visitor's taste, and the index's ranker over the history, count against the words, the picture or the sound, 0 to 1. */
  personal?: number;
};

/** A part of a score. */
export interface Reason {
  /** 'trained' (what others met beside the history, or beside the item of `similar`), 'liked', 'disliked', 'context', 'time', 'text', 'image', 'audio', 'video', 'similar', 'popularity', 'typical' or 'explore'. */
  term: string;
  /** The term's addend: the weights of all reasons sum to the score. */
  weight: number;
  /** Keys of the history behind it, the largest share first. */
  because: string[];
  /** Their parts of `weight`, in the same order. */
  shares: number[];
}

/** One line of a list. */
export interface Hit<Item = Record<string, unknown>> {
  key: string;
  score: number;
  /** Empty unless asked for with `explain`. */
  reasons: Reason[];
  /** The item's metadata. */
  item: Item;
}

/** What the device believes, and from which events. */
export interface Profile {
  /** In the order they were recorded, each with what it weighs now. */
  events: Array<{ item: string; event: EventKind; time: number; value?: number; context?: Record<string, Scalar>; weight: number }>;
  /** Interests (weight above 0), heaviest first, then aversions (below 0). */
  interests: Array<{
    weight: number;
    /** Part of all interests' (or aversions') weight, 0 to 1. */
    share: number;
    /** Keys of the history that it was made of, heaviest first. */
    because: string[];
    items: Array<{ key: string; weight: number; events: Array<{ event: EventKind; time: number; weight: number }> }>;
    /** Keys of the catalog's items that are nearest to it. */
    near: string[];
  }>;
  /**
   * What the terms of the scores are worth to this visitor, learned from items of lists that were acted on (like, save,
   * purchase) or turned down (dislike, dismiss). Kept in the sealed history; `forget({ learned: true })` goes back to the start.
   */
  learned: {
    observations: number;
    /** `factor` multiplies the term's addends (1 as shipped, 0 to 3); `deviation` is how uncertain that is. */
    terms: Array<{ term: string; factor: number; deviation: number }>;
  };
  /** Events of items that this index does not have; they are kept and count nothing. */
  unknownItems: number;
}

/** Something that went wrong and was survived. */
export interface Problem {
  code: ErrorCode;
  message: string;
}

export type Device = 'wasm' | 'webgpu' | 'wasm+webgpu';

/** What became of the GPU. */
export interface GpuReport {
  /** What the browser says of it. */
  adapter: string;
  /** `right` where its answers to known questions were; else what was wrong with them, and it is not used. */
  probe: string | null;
  /** How products are cut up. `quads` is used where a GPU has subgroups, `dot` (activations as bytes) where it sums products of bytes and was faster so. */
  tilings: string | null;
  /** Milliseconds of one short text and of 32 mixed ones, or of one picture and of some; `webgpu: null` where it was too far behind to try. `null` without a race. */
  race: { one: { wasm: number; webgpu: number | null }; batch: { wasm: number; webgpu: number | null } } | null;
  /** Devices that got lost, and runs that were done again because of it. No call fails for that. */
  lost: number;
  repeated: number;
}

/** A recommender's account of itself. No key and no event is in it. */
export interface Report {
  version: string;
  /** What computes texts: `wasm+webgpu` where single texts are faster on one and batches on the other. */
  device: Device;
  deviceWhy: string;
  /** `null` until a GPU was asked for. */
  gpu: GpuReport | null;
  /** Which of the two wasm modules this browser runs. */
  module: 'simd128' | 'relaxed-simd';
  index: {
    items: number;
    dim: number;
    shards: number;
    bytes: number;
    attribution: string | null;
    model: string;
    /** What the publisher trained on interactions: its file and the names of its terms; `null` where the index has none. */
    ranker: { file: string; sha256: string; bytes: number; terms: string[] } | null;
    /** Whether the index was fetched, had not changed, or is the one of an earlier visit because no newer could be had. */
    origin: 'fetched' | 'unchanged' | 'stored';
    problem: Problem | null;
    /** What scans its vectors; `race`: milliseconds of one query, `null` without a race. */
    scan: { device: 'wasm' | 'webgpu'; why: string; adapter: string | null; race: { wasm: number; webgpu: number } | null };
  };
  text: { ready: boolean; kernels: string | null; problem: Problem | null };
  /** What computes pictures; `null` until the first. */
  image: { kernels: string; device: Device; deviceWhy: string; gpu: GpuReport | null } | null;
  /** The same of sounds. */
  audio: { kernels: string; device: Device; deviceWhy: string; gpu: GpuReport | null } | null;
  store: {
    kind: 'opfs' | 'indexeddb' | 'memory';
    why: string;
    encrypted: boolean;
    /** Whether the browser has cleared what an earlier visit had stored. */
    evicted: boolean;
    /** Whether tabs can take turns. */
    locks: boolean;
    /** Why the index or a model is kept in memory only. */
    unstored: Problem | null;
    /** Whether a model is in use that is still to be stored: a fraction of a second after it came. */
    pending: boolean;
  };
  history: { events: number; bytes: number; damaged: number; tornBytes: number; setAside: boolean };
  traffic: { requests: number; received: number; read: number; damagedFiles: number };
  openMs: number;
  /** Whether the browser promised to keep the data; `null` until something was recorded. */
  persisted: boolean | null;
  /** How often the worker had to be started again. */
  restarts: number;
}

/** How far a long call is. Bytes; both 0 where there are none to count. */
export interface Progress {
  /** In their order. 'ready-to-recommend': lists can be asked for, the text model may still be on its way. */
  phase: 'manifest' | 'index' | 'ready-to-recommend' | 'model' | 'ready';
  loaded: number;
  total: number;
}

export interface CallOptions {
  onProgress?: (progress: Progress) => void;
  signal?: AbortSignal;
}

export interface OpenOptions extends CallOptions {
  /** Address of the index's `manifest.json`, built by `palate build`. */
  index: string | URL;
  /** Name under which history and index are kept on the device; by default made of the index's address. */
  name?: string;
  /** Folder of the text model; by default the pack beside the index. `false`: none, and so no search by words. */
  textModel?: string | URL | false;
  /**
   * Whether pictures are searched with: `true` for the index's own image model, or the folder of one. The model is a download, so
   * none is brought where this is left out.
   */
  imageModel?: string | URL | boolean;
  /** The same of sounds. */
  audioModel?: string | URL | boolean;
  /**
   * The publisher's public key, as `palate key new` prints it: an index that was not built with `--sign` and its secret key
   * is refused, whoever serves it.
   */
  publicKey?: string;
  device?: 'auto' | 'webgpu' | 'wasm';
  store?: 'auto' | 'opfs' | 'indexeddb' | 'memory';
  /** Whether the browser is asked to keep the data (`navigator.storage.persist()`) after the first event. */
  persist?: boolean;
  /** Called as soon as lists can be asked for, before the text model is there. */
  onReady?: (recommender: Recommender) => void;
}

/** An open catalog with the visitor's history on the device. */
export class Recommender {
  private constructor();
  /** Opens an index. Once this resolves nothing goes over the network until `sync()`. */
  static open(options: OpenOptions): Promise<Recommender>;
  /** Records one event or several, all or none; when it resolves they are on the device. */
  record(events: PalateEvent | PalateEvent[]): Promise<void>;
  /** Recommendations, best first. */
  recommend<Item = Record<string, unknown>>(options?: RecommendOptions): Promise<Hit<Item>[]>;
  /** The items most like the item `key`: by content and, where the index has a ranker, by what others met beside it. */
  similar<Item = Record<string, unknown>>(key: string, options?: ListOptions): Promise<Hit<Item>[]>;
  /** The items nearest to a text, a picture, a sound or a film, or to a text and one of those. */
  search<Item = Record<string, unknown>>(options: SearchOptions): Promise<Hit<Item>[]>;
  /** What the device believes, and from which events. */
  profile(): Promise<Profile>;
  /**
   * Forgets for good: one item, everything before a time, or all. Resolves to how many events went. `learned`: what the terms
   * are worth to the visitor, while the events stay; resolves to how many of them that was learned from.
   */
  forget(what: { item: string } | { before: number | Date } | { learned: true } | { all: true }): Promise<number>;
  /** The visitor's history as a file. */
  readonly history: {
    export(): Promise<string>;
    import(file: string | Uint8Array | Blob): Promise<{ added: number; known: number; unknownItems: number }>;
  };
  /** Fetches what changed. Resolves to whether another index is in use now. */
  sync(options?: CallOptions): Promise<boolean>;
  /** What runs where and why. */
  report(): Report;
  /** Ends the session and its worker. Closing twice is fine. */
  close(): Promise<void>;
}

export interface EncoderOptions extends CallOptions {
  /** The model's folder (or its `manifest.json`). */
  model: string | URL;
  /**
   * The folder of what reads films in their order, learned by `palate train video` with the image model in `model`: `{ video }` then
   * has its vector, in the space of the films of an index that was built with it. Without it a film is the mean of its frames.
   */
  videoModel?: string | URL;
  /** Name under which the model is kept on the device; by default made of its address. */
  name?: string;
  device?: 'auto' | 'webgpu' | 'wasm';
  store?: 'auto' | 'opfs' | 'indexeddb' | 'memory';
}

/** An encoder of texts, pictures or sounds on its own, as its model is. */
export class Encoder {
  private constructor();
  static open(options: EncoderOptions): Promise<Encoder>;
  /** One vector of unit length for each input. */
  encode(inputs: Array<string | { text: string }> | Array<{ image: Picture }> | Array<{ audio: Sound }> | Array<{ video: Film }>, options?: { signal?: AbortSignal }): Promise<Float32Array[]>;
  report(): { version: string; device: Device; deviceWhy: string; gpu: GpuReport | null; module: 'simd128' | 'relaxed-simd'; kernels: string; takes: 'text' | 'image' | 'audio'; model: string; dim: number; videoModel: string | null; store: 'opfs' | 'indexeddb' | 'memory'; why: string; restarts: number };
  close(): Promise<void>;
}

/** Stable codes of errors. */
export type ErrorCode =
  | 'bad-input' | 'not-found' | 'corrupt' | 'version' | 'mismatch' | 'network' | 'quota' | 'storage'
  | 'aborted' | 'closed' | 'device' | 'crashed' | 'internal';

/** What every call rejects with. The message ends with what to do and never holds a key or an event. */
export class PalateError extends Error {
  constructor(code: ErrorCode, message: string);
  readonly code: ErrorCode;
}
