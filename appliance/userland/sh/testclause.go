package sh

import (
	"errors"

	"mvdan.cc/sh/v3/syntax"

	"github.com/gatehouse-os/gatehouse/appliance/userland/regex"
	"github.com/gatehouse-os/gatehouse/appliance/userland/sh/pattern"
)

// testClause is [[ … ]], of ash and bash: its words are not split, == compares with a pattern, =~ with a
// regular expression. All else is that of test.
func (s *shell) testClause(c *syntax.TestClause) int {
	holds, status := s.holdsTest(c.X)
	if status > 1 {
		return status
	}
	return oneIf(!holds)
}

func (s *shell) holdsTest(x syntax.TestExpr) (holds bool, status int) {
	switch x := x.(type) {
	case *syntax.Word:
		return s.literal(x) != "", 0
	case *syntax.ParenTest:
		return s.holdsTest(x.X)
	case *syntax.UnaryTest:
		if x.Op == syntax.TsNot {
			holds, status = s.holdsTest(x.X)
			return !holds, status
		}
		return s.test(x.Op.String(), s.operand(x.X))
	case *syntax.BinaryTest:
		return s.binaryTest(x)
	}
	return false, exitUsage
}

func (s *shell) binaryTest(x *syntax.BinaryTest) (holds bool, status int) {
	switch x.Op {
	case syntax.AndTest, syntax.OrTest:
		holds, status = s.holdsTest(x.X)
		if status > 1 || holds == (x.Op == syntax.OrTest) {
			return holds, status
		}
		return s.holdsTest(x.Y)
	case syntax.TsMatch, syntax.TsMatchShort, syntax.TsNoMatch:
		w, ok := x.Y.(*syntax.Word)
		if !ok {
			return false, exitUsage
		}
		return pattern.Match(s.patternOf(w), s.operand(x.X)) == (x.Op != syntax.TsNoMatch), 0
	case syntax.TsReMatch:
		return s.matchesRegex(s.operand(x.X), s.operand(x.Y))
	case syntax.TsBefore:
		return s.operand(x.X) < s.operand(x.Y), 0
	case syntax.TsAfter:
		return s.operand(x.X) > s.operand(x.Y), 0
	}
	return s.test(s.operand(x.X), x.Op.String(), s.operand(x.Y))
}

// matchesRegex is =~: an extended regular expression, of which quoting is removed as of any word.
func (s *shell) matchesRegex(text, expression string) (holds bool, status int) {
	re, err := regex.Compile(expression, regex.Extended)
	if expression == "" {
		err = errors.New("argument expected")
	}
	if err == nil {
		holds, err = re.Match([]byte(text))
	}
	if err != nil {
		s.say("=~: %v", err)
		return false, exitUsage
	}
	return holds, 0
}

// operand is a word of a test.
func (s *shell) operand(x syntax.TestExpr) string {
	w, _ := x.(*syntax.Word)
	return s.literal(w)
}

// test asks the command test.
func (s *shell) test(words ...string) (holds bool, status int) {
	utility := s.program.Utilities["test"]
	if utility == nil {
		status = s.external(append([]string{"test"}, words...), false)
	} else {
		status = s.utility(utility, append([]string{"test"}, words...))
	}
	return status == 0, status
}
