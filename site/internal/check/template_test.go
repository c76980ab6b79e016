package check

import (
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

func readTestTemplate(text string) (template, source.Problems) {
	src := source.New(source.SiteTOML, `"`+text+`"`)
	var problem source.Reporter
	t := readTemplate("script", toml.Str{Text: text, At: src.Span(0, len(src.Text))}, &problem)
	return t, problem.Problems()
}

func TestTemplate(t *testing.T) {
	values := map[string]string{"name": "web1", "domain": "home.example", "server": "192.168.32.10", "address": "192.168.32.11", "mac": "00:16:3e:20:00:11"}
	for text, want := range map[string]string{
		"":                                "",
		"plain":                           "plain",
		"{name}":                          "web1",
		"{name}{name}":                    "web1web1",
		"a{name}b{domain}c":               "aweb1bhome.examplec",
		"{server} {address} {mac} $100 %": "192.168.32.10 192.168.32.11 00:16:3e:20:00:11 $100 %",
	} {
		tpl, problems := readTestTemplate(text)
		if got := tpl.expand(values); got != want || problems != nil {
			t.Errorf("%q expands to %q, want %q; %v", text, got, want, problems)
		}
	}
}

func TestTemplateProblems(t *testing.T) {
	tests := []struct {
		text string
		want []string // column and what it says
	}{
		{"{", []string{"1:2: ", `"{" without its partner`}},
		{"a}", []string{"1:3: ", `"}" without its partner`}},
		{"{{name}}", []string{"1:2: ", `"{"`, "1:9: ", `"}"`}},
		{"{name", []string{"1:2: "}},
		{"{}", []string{"1:2: ", "unknown variable {}"}},
		{"{nmae}", []string{"1:2: ", "did you mean {name}?"}},
		{"{ name }", []string{"1:2: ", "{ name }"}},
		{"{hostname}{x}", []string{"1:2: ", "{hostname}", "1:12: ", "{x}"}},
	}
	for _, tt := range tests {
		tpl, problems := readTestTemplate(tt.text)
		if tpl != nil || problems == nil {
			t.Errorf("%q is accepted", tt.text)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(problems.Error(), want) {
				t.Errorf("%q: want %q in\n%v", tt.text, want, problems)
			}
		}
	}
}

func TestTemplateUses(t *testing.T) {
	tpl, _ := readTestTemplate("name {mac}")
	if !tpl.uses("mac") || tpl.uses("name") {
		t.Errorf("%v uses mac %t, name %t", tpl, tpl.uses("mac"), tpl.uses("name"))
	}
}

func FuzzTemplate(f *testing.F) {
	f.Add("iscsi:{server}:::1:iqn.2011-03.example.home:{name}.root")
	f.Fuzz(func(t *testing.T, text string) {
		tpl, problems := readTestTemplate(text)
		if problems != nil {
			return
		}
		// With every variable standing for itself the text comes back.
		self := map[string]string{}
		for _, v := range Variables() {
			self[v.Name] = "{" + v.Name + "}"
		}
		if got := tpl.expand(self); got != text {
			t.Errorf("%q became %q", text, got)
		}
	})
}
