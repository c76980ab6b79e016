package sh

import "mvdan.cc/sh/v3/syntax"

// Names that the shell's own rewriting of a script uses.
const (
	nameVariable  = "_sh_name" // $0, which the interpreter only has for whole files
	jobVariable   = "_sh_job"  // in a background job: jobProgram or jobCompound
	jobBeginsCall = "_sh_job_begins"
	jobEndsCall   = "_sh_job_ends"

	jobProgram  = "program"  // at most one program, which can go on without the shell
	jobCompound = "compound" // anything else
)

// detach rewrites every background job in stmts, X &, to
//
//	{ _sh_job_begins; { _sh_job=KIND; if ( X ); then _sh_job_ends; else _sh_job_ends; fi; } </dev/null & }
//
// so that the handlers know what runs in the background and when it ends, also
// under set -e. Without job control, such a job reads /dev/null (XCU 2.9.3.1). Every
// $0 becomes the variable that has the name. What eval and source read is not
// rewritten.
func detach(stmts []*syntax.Stmt) {
	made := map[*syntax.Stmt]bool{}
	visit := func(node syntax.Node) bool {
		switch n := node.(type) {
		case *syntax.ParamExp:
			if n.Param != nil && n.Param.Value == "0" {
				n.Param.Value = nameVariable
			}
		case *syntax.Stmt:
			if n.Background && !made[n] {
				j := job(*n)
				made[j] = true
				*n = syntax.Stmt{Position: n.Position, Cmd: &syntax.Block{Stmts: []*syntax.Stmt{simple(jobBeginsCall), j}}}
			}
		}
		return true
	}
	for _, stmt := range stmts {
		syntax.Walk(stmt, visit)
	}
}

// job returns the inner block of what stands for the background job body.
func job(body syntax.Stmt) *syntax.Stmt {
	body.Background, body.Semicolon = false, syntax.Pos{}
	kind := jobCompound
	if _, ok := body.Cmd.(*syntax.CallExpr); ok {
		kind = jobProgram
	}
	mark := &syntax.CallExpr{Assigns: []*syntax.Assign{{Name: lit(jobVariable), Value: word(kind)}}}
	watch := &syntax.IfClause{
		Cond: []*syntax.Stmt{{Cmd: &syntax.Subshell{Stmts: []*syntax.Stmt{&body}}}},
		Then: []*syntax.Stmt{simple(jobEndsCall)},
		Else: &syntax.IfClause{Then: []*syntax.Stmt{simple(jobEndsCall)}},
	}
	return &syntax.Stmt{
		Position:   body.Position,
		Background: true,
		Cmd:        &syntax.Block{Stmts: []*syntax.Stmt{{Cmd: mark}, {Cmd: watch}}},
		Redirs:     []*syntax.Redirect{{Op: syntax.RdrIn, Word: word("/dev/null")}},
	}
}

func lit(s string) *syntax.Lit { return &syntax.Lit{Value: s} }

func word(s string) *syntax.Word { return &syntax.Word{Parts: []syntax.WordPart{lit(s)}} }

// simple is a command without arguments.
func simple(name string) *syntax.Stmt {
	return &syntax.Stmt{Cmd: &syntax.CallExpr{Args: []*syntax.Word{word(name)}}}
}
