/** One of the spellings of a piece of a secret: a sequence of sets of characters (UTF-16 units). */
export type Spelling = readonly string[];

/** A piece of a secret, usually a character, with its spellings. */
export type Piece = readonly Spelling[];

/** The set of `nodes` after reading some characters, and where it leads; filled in as texts ask for it. */
interface State {
  readonly nodes: readonly number[];
  readonly accepts: boolean;
  readonly next: Map<number, State | null>;
}

/** Cached states; beyond, the cache is emptied. Random values have hardly more states than characters. */
const MAX_STATES = 50_000;

/**
 * Finds any of a set of secrets in texts, each piece in any of its spellings. A nondeterministic automaton whose
 * deterministic form is made piece by piece, as texts need it: the number of spellings of a whole secret is
 * exponential, the number of its states is not.
 */
export class PatternAutomaton {
  /** Edges of each node: character → nodes. */
  readonly #edges: Map<number, number[]>[] = [];
  readonly #accepting = new Set<number>();
  readonly #roots: number[] = [];
  /** 1 for characters with which a secret may begin. */
  readonly #begins = new Uint8Array(65536);
  #states = new Map<string, State>();
  #start: State | null = null;

  /**
   * Adds a secret.
   *
   * @param pieces its pieces in order
   * @param padding characters that may follow and belong to it, such as `==`
   */
  add(pieces: readonly Piece[], padding = ''): void {
    const root = this.#node();
    this.#roots.push(root);
    let from = root;
    for (const piece of pieces) {
      const to = this.#node();
      for (const spelling of piece) this.#spell(from, to, spelling);
      from = to;
    }
    this.#accepting.add(from);
    for (const character of padding) {
      const to = this.#node();
      this.#connect(from, to, character);
      this.#accepting.add(to);
      from = to;
    }
    for (const unit of this.#edges[root]!.keys()) this.#begins[unit] = 1;
    this.#states = new Map();
    this.#start = null;
  }

  /** Whether a secret may begin with this UTF-16 unit. */
  begins(unit: number): boolean {
    return this.#begins[unit] === 1;
  }

  /**
   * Looks for the longest secret at a position.
   *
   * @returns `end`: behind the secret, or -1; `open`: the text ended while a (longer) secret was still possible
   */
  match(text: string, position: number): { end: number; open: boolean } {
    this.#start ??= this.#state(this.#roots);
    let state: State = this.#start;
    let end = -1;
    for (let at = position; at < text.length; at++) {
      const next = this.#step(state, text.charCodeAt(at));
      if (next === null) return { end, open: false };
      state = next;
      if (state.accepts) end = at + 1;
    }
    return { end, open: true };
  }

  #step(state: State, unit: number): State | null {
    const known = state.next.get(unit);
    if (known !== undefined) return known;
    const nodes = new Set<number>();
    for (const node of state.nodes)
      for (const target of this.#edges[node]!.get(unit) ?? []) nodes.add(target);
    const next = nodes.size === 0 ? null : this.#state([...nodes].sort((a, b) => a - b));
    state.next.set(unit, next);
    return next;
  }

  #state(nodes: readonly number[]): State {
    const key = nodes.join();
    const known = this.#states.get(key);
    if (known) return known;
    if (this.#states.size >= MAX_STATES) {
      this.#states = new Map();
      this.#start = null;
    }
    const state = { nodes, accepts: nodes.some((node) => this.#accepting.has(node)), next: new Map() };
    this.#states.set(key, state);
    return state;
  }

  #spell(from: number, to: number, spelling: Spelling): void {
    let node = from;
    spelling.forEach((characters, index) => {
      const target = index === spelling.length - 1 ? to : this.#node();
      this.#connect(node, target, characters);
      node = target;
    });
  }

  #connect(from: number, to: number, characters: string): void {
    const edges = this.#edges[from]!;
    for (let index = 0; index < characters.length; index++) {
      const unit = characters.charCodeAt(index);
      const targets = edges.get(unit);
      if (targets) targets.push(to);
      else edges.set(unit, [to]);
    }
  }

  #node(): number {
    return this.#edges.push(new Map()) - 1;
  }
}
