package site

import (
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/internal/check"
	"github.com/gatehouse-os/gatehouse/site/internal/model"
)

// Reference returns Keys as a table in Markdown, with the variables of templates
// and the known services below it.
func Reference() string {
	var b strings.Builder
	b.WriteString("| key | value | if absent | accepted | example | what it does |\n")
	b.WriteString("|---|---|---|---|---|---|\n")
	for all := Keys(); len(all) > 0; {
		same := slices.IndexFunc(all, func(k Key) bool { return k.As == "" || k.Table != all[0].Table })
		if same < 0 {
			same = len(all)
		}
		if same > 0 {
			b.WriteString("| " + strings.Join(sameRow(all[:same]), " | ") + " |\n")
			all = all[same:]
		} else {
			b.WriteString("| " + strings.Join(row(all[0]), " | ") + " |\n")
			all = all[1:]
		}
	}
	b.WriteString("\nTemplates know the variables ")
	for i, v := range check.Variables() {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(code("{"+v.Name+"}") + " (" + v.Doc + ")")
	}
	b.WriteString(".\n\nServices that need no definition: ")
	for i, s := range Services() {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(code(s.Name) + " (" + model.FlowsText(s) + ")")
	}
	b.WriteString(".\n")
	return b.String()
}

// row returns the cells of one key.
func row(k Key) []string {
	absent := k.Default
	if k.Required {
		absent = "**required**"
	}
	return []string{code(strings.TrimSpace(k.Table + " " + k.Name)),
		strings.TrimSuffix(k.Type+": "+k.Unit, ": "), absent, k.Range, code(k.Example), k.Doc}
}

// sameRow returns the cells of keys that are as those of another table.
func sameRow(keys []Key) []string {
	first := keys[0]
	names := []string{code(first.Table + " " + first.Name)}
	for _, k := range keys[1:] {
		names = append(names, code(k.Name))
	}
	return []string{strings.Join(names, ", "), "as for " + first.As, first.Default, "as there",
		code(first.Example), first.Doc}
}

func code(s string) string { return "`" + s + "`" }
