export const TokensPage = () => <h1 tabIndex={-1}>Tokens</h1>;
