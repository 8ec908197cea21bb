/** A page of a list: its items as JSON texts, how many match, and the cursor of the next page. */
export interface ListResult {
  items: readonly string[];
  total: number;
  /** Position of the first item. */
  from: number;
  /** Cursor of the next page, or null on the last one. */
  after: string | null;
  headers?: Record<string, string>;
}
