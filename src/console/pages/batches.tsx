export const BatchesPage = () => <h1 tabIndex={-1}>Batches</h1>;
