package site_test

import (
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
	if !strings.Contains(string(text), site.Reference()) {
		t.Errorf("%s does not contain what site.Reference returns now:\n%s", page, site.Reference())
	}
}
