/** What a profile says of a result, by its name: where the time goes, and why an aim is missed. */
export const profileNotes: Readonly<Record<string, string>> = {};
