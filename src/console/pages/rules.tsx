export const RulesPage = () => <h1 tabIndex={-1}>Rules</h1>;
