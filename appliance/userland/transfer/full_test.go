package transfer_test

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestFullDisk: a disk that is full leaves the old file, and nothing beside it; the client hears of it.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir, large := t.TempDir(), strings.Repeat("0123456789abcdef", 1<<15)
	write(t, filepath.Join(dir, "input"), fmt.Sprintf("C0644 %d old\n%s\x00", len(large), large))
	write(t, filepath.Join(dir, "large"), large)
	for name, upload := range map[string]string{
		"scp":  called(t, "scp") + " -t far/old < input > answers; status=$?; grep -aq 'No space left' answers || echo not told",
		"sftp": "echo put large far/old | sftp -q -b - -D " + called(t, "sftp-server") + " > answers 2>&1; status=$?",
	} {
		t.Run(name, func(t *testing.T) {
			work := t.TempDir()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			script := "mkdir far && mount -t tmpfs -o size=256k none far && cp " + dir + "/input " + dir + "/large .\n" +
				"echo old > far/old && chmod 600 far/old && " + upload + "\necho $status; ls -A far; cat far/old; stat -c %a far/old"
			cmd := exec.CommandContext(ctx, "unshare", "-m", "sh", "-c", script)
			cmd.Dir = work
			out, err := cmd.CombinedOutput()
			if want := "1\nold\nold\n600\n"; string(out) != want || err != nil {
				t.Errorf("%v: %q, want %q", err, out, want)
			}
		})
	}
}
