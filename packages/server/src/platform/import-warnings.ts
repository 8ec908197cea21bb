import type { MergedFile } from './merge-sources.ts';
import type { Source } from './process-plan.ts';
import type { Step } from './steps.ts';

/** What users of a site are told about one of its sources, in its notifications. */
export interface SourceWarning {
  /** Name of the source. */
  source: string;
  message: string;
}

/** One warning for each source that was run well and brought nothing (product.md 4.4). */
export function emptySources(sources: readonly Source[], steps: readonly Step[]): SourceWarning[] {
  return sources.flatMap((source) => {
    const last = steps.findLast((step) => step.kind === 'source' && step.id === source.id);
    // A download alone brings files; paused sources and those of files are not run.
    const bringsRows = source.kind === 'connector' || source.transform !== null;
    const isEmpty = last?.status === 'success' && last.run !== null && last['rows-out'] === 0;
    if (!bringsRows || !isEmpty) return [];
    return { source: source.name, message: `Data source ${source.name} delivered no rows.` };
  });
}

/** One warning for each source whose ids repeat or are missing, or whose rows match none (product.md 4.3). */
export function mergeWarnings(
  sources: readonly Source[],
  { sources: counts }: Pick<MergedFile, 'sources'>,
): SourceWarning[] {
  return counts.flatMap(({ id, repeated, withoutId, unmatched }) => {
    const said = [
      repeated > 0 ? `${repeated} repeated ${repeated === 1 ? 'id' : 'ids'}` : [],
      withoutId > 0 ? `${withoutId} ${rows(withoutId)} without id` : [],
      unmatched > 0 ? `${unmatched} unmatched ${rows(unmatched)}` : [],
    ].flat();
    const source = sources.find((one) => one.id === id);
    if (said.length === 0 || !source) return [];
    return { source: source.name, message: `Data source ${source.name} delivered ${said.join(' and ')}.` };
  });
}

const rows = (count: number): string => (count === 1 ? 'row' : 'rows');
