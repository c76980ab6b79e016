package dhcp

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// stageOrder is the order in which a machine on its way up runs them.
func stageOrder() []string {
	return []string{
		"pxe-bios", "pxe-uefi-x64", "pxe-uefi-ia32", "pxe-uefi-arm64", "pxe-uefi-arm32", "pxe-uefi-riscv64", "pxe-u-boot-arm64", "pxe-raspberry-pi",
		"http-uefi-x64", "http-uefi-arm64",
		"system-uefi-iscsi", "hba-broadcom", "hba-qlogic", "ipxe", "ipxe-install", "ipxe-chap", "system-linux-ip", "system-klibc", "system-dracut",
		"system-dhclient", "system-dhcpcd", "system-udhcpc",
	}
}

// TestStagesPage has, in docs/dhcp-stages.md, what TestStages tests, for people: the
// request of every program that asks on the way up of a host, and its answer.
func TestStagesPage(t *testing.T) {
	const page = "../../docs/dhcp-stages.md"
	if files, err := filepath.Glob("testdata/stages/*.txt"); err != nil || len(files) != len(stageOrder()) {
		t.Fatalf("%d requests, and %d in the order of the page: %v", len(files), len(stageOrder()), err)
	}
	var table, sections strings.Builder
	for _, name := range stageOrder() {
		b, err := os.ReadFile("testdata/stages/" + name + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		request, answer, ok := strings.Cut(string(b), "\n\n")
		comment, request, also := strings.Cut(request, "\n")
		if !ok || !also {
			t.Fatalf("%s: no answer, or no comment", name)
		}
		comment = strings.TrimPrefix(comment, "# ")
		asked := shownRequest(t, request)
		title := strings.TrimSuffix(strings.NewReplacer(", ", "\n", ": ", "\n").Replace(comment), ".")
		title, _, _ = strings.Cut(title, "\n")
		taken, _, _ := strings.Cut(strings.TrimPrefix(answer, "taken for "), "\n")
		if !strings.Contains(request, "\n93 ") {
			taken, _, _ = strings.Cut(taken, ",") // it named no architecture
		}
		fmt.Fprintf(&table, "| [%s](#%s) | %s | %s | %s |\n", title, name, taken,
			cell(asked, "60", "77", "93", "175"), cell(strings.Split(answer, "\n"), "siaddr", "file", "66", "67", "17", "203", "175", "43", "60"))
		fmt.Fprintf(&sections, "\n## %s\n\n%s\n\n```\n%s\n```\n\n```\n%s```\n", name, comment, strings.Join(asked, "\n"), answer)
	}
	got := stagesIntro + table.String() + sections.String()
	if *update {
		if err := os.WriteFile(page, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got; -update writes it anew)\n%s", page, d)
	}
}

const stagesIntro = `# What each boot stage asks, and what it is answered

The requests are those of real programs, byte for byte but for the card and the names of machines; where one could not be recorded
the page says what it was made from. Each is asked by ` + "`web1`" + ` of a site that has a file for every firmware, and answered by the
server itself: a test compares every byte (` + "`services/dhcp`, TestStages" + `) and writes this page. What ` + "`gatehouse host NAME`" + ` prints
comes from the same place. The options of a request are in the order in which it has them.

| program | taken for | because it says | is told to boot by |
|---|---|---|---|
`

// shownRequest writes a request as an engineer reads it.
func shownRequest(t *testing.T, request string) []string {
	var lines []string
	for line := range strings.Lines(request) {
		if key, _, _ := strings.Cut(line, " "); key == "flags" || key == "secs" {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return append(lines, Describe(parseRequest(t, request))...)
}

// cell names those of lines that begin with one of words; file names and what programs
// say they are with their values.
func cell(lines []string, words ...string) string {
	var all []string
	for _, word := range words {
		i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, word+" ") })
		if i < 0 {
			continue
		}
		switch fields := strings.Fields(lines[i]); word {
		case "file":
			all = append(all, "`"+strings.Trim(fields[1], `"`)+"`")
		case "60", "77", "93":
			all = append(all, word+" `"+strings.Trim(strings.Join(fields[2:], " "), `"`)+"`")
		default:
			all = append(all, word)
		}
	}
	return strings.Join(all, ", ")
}
