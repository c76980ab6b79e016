package site_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/site"
)

// The page for people has the table that the parser is made from.
func TestDocsHaveTheReference(t *testing.T) {
	const page = "../docs/site.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if flag.Lookup("update").Value.String() == "true" {
		before, rest, ok := strings.Cut(string(text), "| key | value |")
		_, rest, also := strings.Cut(rest, "\nServices that need no definition: ")
		_, after, _ := strings.Cut(rest, "\n")
		if !ok || !also {
			t.Fatalf("%s has no table to write anew", page)
		}
		if err := os.WriteFile(page, []byte(before+site.Reference()+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !strings.Contains(string(text), site.Reference()) {
		t.Errorf("%s does not contain what site.Reference returns now:\n%s", page, site.Reference())
	}
}
