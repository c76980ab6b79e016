package roster

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestPage holds the table of processes in docs/architecture.md against the roster, both ways.
func TestPage(t *testing.T) {
	const file = "../../docs/architecture.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "\n## Processes\n")
	rows := map[string][]string{}
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if len(cells) == 6 && cells[0] != "process" && cells[0] != "init" && !strings.HasPrefix(cells[0], "---") {
			rows[cells[0]] = cells
		}
	}
	for _, s := range All() {
		row := rows[s.Name]
		if row == nil {
			t.Errorf("%s has no row for %s", file, s.Name)
			continue
		}
		delete(rows, s.Name)
		user, keeps, state := "root", "everything", "–"
		if s.UID != 0 {
			user, keeps = fmt.Sprint(s.UID), "nothing"
		}
		if len(s.Caps) > 0 {
			keeps = strings.Join(s.Caps, ", ")
		}
		if s.StateDir != "" {
			state = strings.TrimPrefix(s.StateDir, "/perm/")
		}
		change := "started again"
		if s.Reloads {
			change = "reloaded"
		}
		for i, want := range map[int]string{1: user, 2: keeps, 4: state, 5: change} {
			if !strings.HasPrefix(row[i], want) {
				t.Errorf("%s: %s: column %d is %q, want %q", file, s.Name, i+1, row[i], want)
			}
		}
	}
	for name := range rows {
		t.Errorf("%s has a row for %s, which is no service", file, name)
	}
}

// TestMemoryPage holds the table of memory there against the roster, both ways.
func TestMemoryPage(t *testing.T) {
	const file = "../../docs/architecture.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Memory\n")
	var want, got []string
	for _, s := range All() {
		want = append(want, fmt.Sprintf("| %s | %d %% | %d | %s |", s.Name, s.Memory, s.OOM, strings.Join(s.Holds, ", ")))
	}
	for line := range strings.Lines(section) {
		if strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| process ") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s has\n%s\nwant\n%s", file, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestShares: the services leave memory for init, a command and the kernel, and who is needed most goes last.
func TestShares(t *testing.T) {
	sum := 0
	for _, s := range All() {
		sum += s.Memory
		if s.Memory <= 0 || s.OOM >= 0 || s.OOM <= -1000 {
			t.Errorf("%s has %d %% of the memory, and oom_score_adj %d", s.Name, s.Memory, s.OOM)
		}
		for _, other := range All() {
			if s.Essential && !other.Essential && s.OOM >= other.OOM {
				t.Errorf("%s is essential, and goes before %s: %d, %d", s.Name, other.Name, s.OOM, other.OOM)
			}
		}
	}
	if sum > 90 {
		t.Errorf("the shares are %d %% together", sum)
	}
}

func TestNamesAndNumbersDiffer(t *testing.T) {
	names, ids := map[string]bool{}, map[int]bool{}
	for _, s := range All() {
		if names[s.Name] || s.UID != 0 && ids[s.UID] {
			t.Errorf("%s, uid %d: there is another", s.Name, s.UID)
		}
		names[s.Name], ids[s.UID] = true, true
		if got, ok := Named(s.Name); !ok || got.UID != s.UID {
			t.Errorf("Named(%s) = %+v, %v", s.Name, got, ok)
		}
	}
	if _, ok := Named("nobody"); ok {
		t.Error("there is a service nobody")
	}
}
