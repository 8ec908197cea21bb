/** What the caller may do with an entity; each right includes those before it. */
export type Right = 'none' | 'read' | 'write' | 'admin';
