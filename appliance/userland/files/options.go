package files

import (
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// chosen are the options that hold, by their letters.
type chosen [256]bool

// choose reads the options in their order. A rule is a letter and what follows from it: "nl", -n means -l
// too; "t-S", -t takes -S back; "s!l", -s does not go with -l.
func choose(c *command.Call, rules string) (chosen, bool) {
	var o chosen
	for _, option := range c.Options {
		for rule := range strings.FieldsSeq(rules) {
			if rule[0] != option.Letter {
				continue
			}
			for i := 1; i < len(rule); i++ {
				switch rule[i] {
				case '-':
					i++
					o[rule[i]] = false
				case '!':
					if i++; o[rule[i]] {
						c.Misused("-%c does not go with -%c", option.Letter, rule[i])
						return o, false
					}
				default:
					o[rule[i]] = true
				}
			}
		}
		o[option.Letter] = true
	}
	return o, true
}

// operands reports whether there are as many operands as a command needs; at most 0: any number; below
// 0: none.
func operands(c *command.Call, least, most int) bool {
	switch n := len(c.Args); {
	case n < least:
		c.Misused("an operand is missing")
	case most > 0 && n > most, most < 0 && n > 0:
		c.Misused("too many operands: %q", c.Args[max(0, most)])
	default:
		return true
	}
	return false
}
