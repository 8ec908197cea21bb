/** Did a statement fail because a value that must be unique is there already? Its transaction can only be undone. */
export const violates = (error: unknown, constraint: string): boolean => {
  const { code, constraint: broken } = error as { code?: unknown; constraint?: unknown };
  return code === '23505' && broken === constraint;
};
