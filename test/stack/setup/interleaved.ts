import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * Spreads the files of every project evenly over the run: system tests mostly wait, so that those that compute run beside
 * them, and no long file is left for the end.
 */
export class Interleaved extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const ofProject = (name: string) => sorted.filter(({ project }) => project.name === name);
    return [...new Set(sorted.map(({ project }) => project.name))]
      .flatMap((name) =>
        ofProject(name).map((file, index, { length }) => ({ file, place: (index + 0.5) / length })),
      )
      .toSorted((a, b) => a.place - b.place)
      .map(({ file }) => file);
  }
}
