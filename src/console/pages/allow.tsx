export const AllowPage = () => <h1 tabIndex={-1}>Allow entries</h1>;
