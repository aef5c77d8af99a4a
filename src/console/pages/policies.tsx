export const PoliciesPage = () => <h1 tabIndex={-1}>Policies in force</h1>;
