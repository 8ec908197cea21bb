/**
 * Gives the token of the next request. When the server refused one, it is called once more with that one: a new token
 * lets the request go on, the same one or null lets it fail with 401.
 */
export type TokenProvider = (refused?: string) => string | null | Promise<string | null>;

/** The tokens of a client. However many requests are refused at once, the provider renews once. */
export class Tokens {
  readonly #provide: TokenProvider;
  #renewal: { refused: string; token: Promise<string | null> } | null = null;

  constructor(token: string | TokenProvider | undefined) {
    this.#provide = typeof token === 'function' ? token : () => token ?? null;
  }

  async current(): Promise<string | null> {
    return this.#provide();
  }

  /** A token that may be accepted where `refused` was not; null when there is none. */
  async after(refused: string): Promise<string | null> {
    if (this.#renewal?.refused !== refused) {
      this.#renewal = { refused, token: this.#renew(refused) };
    }
    const token = await this.#renewal.token;
    return token === refused ? null : token;
  }

  async #renew(refused: string): Promise<string | null> {
    try {
      // Somebody else may have renewed it in the meantime.
      const current = await this.#provide();
      return current === refused ? await this.#provide(refused) : current;
    } finally {
      if (this.#renewal?.refused === refused) this.#renewal = null;
    }
  }
}
