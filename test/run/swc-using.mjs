// Loaded before dependency-cruiser: the visitor of @swc/core does not know `using` and `await using` and would give up on the file.
import { Visitor } from '@swc/core/Visitor.js';

const visitStatement = Visitor.prototype.visitStatement;
Visitor.prototype.visitStatement = function visitStatementOrUsing(statement) {
  if (statement.type === 'UsingDeclaration') {
    statement.decls = this.visitVariableDeclarators(statement.decls);
    return statement;
  }
  return visitStatement.call(this, statement);
};
