/**
 * What a preview is called on each platform.
 *
 * A {@link PreviewName} is the only thing that the preview commands accept where something is made or
 * removed, and it can't be had without its prefixes. So no preview command can be pointed at production,
 * whatever a branch is called.
 */
import { createHash } from 'node:crypto';
import { DeployError } from './errors.ts';

/** Every name of a preview holds this, or begins with it. */
const MARK = 'pv';
const SLUG_CHARS = 24;
/**
 * 40 bits: among a million branches that a project ever had, two would share a hash with a
 * chance of one in two.
 */
const HASH_CHARS = 10;
/** How much of production's name a preview's Worker shows; the hash tells apart what this cuts off. */
const BASE_CHARS = 20;
/** A Worker's name is one label of a host name (RFC 1035). */
const MAX_LABEL_CHARS = 63;

const ID = new RegExp(`^[a-z0-9](?:[a-z0-9-]{0,${SLUG_CHARS - 1}})-[0-9a-f]{${HASH_CHARS}}$`);

/** What production is called. */
export interface ProductionNames {
  /** `name` of wrangler.toml. */
  worker: string;
}

/** What is deployed: production, or a preview. */
export type Target = { production: ProductionNames } | PreviewName;

export class PreviewName {
  /** The branch, readable as far as it goes, and the hash of all of it: `fix-the-thing-0123456789`. */
  readonly id: string;
  readonly #production: ProductionNames;

  private constructor(id: string, production: ProductionNames) {
    this.id = id;
    this.#production = production;
    if (this.worker.length > MAX_LABEL_CHARS || !/^[a-z0-9][a-z0-9-]*[a-z0-9]$/.test(this.worker)) {
      throw new DeployError(`${this.worker} can't be the name of a preview`);
    }
    // Only when production itself is named like this preview; then no preview command may act in that name.
    if (this.worker === production.worker) {
      throw new DeployError(`${this.worker} is the name of production`);
    }
  }

  /**
   * The preview of a git branch; always the same for the same branch of the same project.
   * @param branch any name that git takes, without `refs/heads/`.
   * @throws {DeployError} when it is empty.
   */
  static ofBranch(branch: string, production: ProductionNames): PreviewName {
    if (branch === '') throw new DeployError('a preview needs the name of a branch');
    // Two projects in one account may have branches of the same name.
    const hash = createHash('sha256')
      .update(`${production.worker}\0${branch}`)
      .digest('hex')
      .slice(0, HASH_CHARS);
    return new PreviewName(`${slugOf(branch)}-${hash}`, production);
  }

  /**
   * The preview of this project that a branch of Neon or a Redis key belongs to; null
   * when it belongs to none.
   */
  static ofPlatformName(name: string, production: ProductionNames): PreviewName | null {
    const ours = `${baseOf(production.worker)}-${MARK}`;
    if (!name.startsWith(ours)) return null;
    const id = /^(?:\/([^:/]+)|:([^:/]+):.*)$/s.exec(name.slice(ours.length))?.slice(1).join('');
    return id !== undefined && ID.test(id) ? new PreviewName(id, production) : null;
  }

  /** What the database branches of all of this project's previews begin with. */
  static databasePrefixOfAll(production: ProductionNames): string {
    return `${baseOf(production.worker)}-${MARK}/`;
  }

  /** What the keys of all of this project's previews begin with. */
  static keyPrefixOfAll(production: ProductionNames): string {
    return `${baseOf(production.worker)}-${MARK}:`;
  }

  /** Of the Worker. */
  get worker(): string {
    return `${baseOf(this.#production.worker)}-${MARK}-${this.id}`;
  }

  /** Of Neon's branch. */
  get database(): string {
    return `${PreviewName.databasePrefixOfAll(this.#production)}${this.id}`;
  }

  /** Of every Redis key. It has no character that a glob pattern would read as more than itself. */
  get keyPrefix(): string {
    return `${PreviewName.keyPrefixOfAll(this.#production)}${this.id}:`;
  }
}

function slugOf(branch: string): string {
  const slug = branch
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, SLUG_CHARS + 1)
    .replace(/^-+/, '')
    .slice(0, SLUG_CHARS)
    .replace(/-+$/, '');
  return slug === '' ? 'branch' : slug;
}

function baseOf(worker: string): string {
  return worker.slice(0, BASE_CHARS).replace(/-+$/, '');
}
