package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/statefile"
	"github.com/gatehouse-os/gatehouse/services/ntp/kernel"
)

// keptFile is what is known of the clock, in Options.StateDir.
const (
	keptFile    = "clock"
	maxKeptFile = 4 << 10
	// keepEvery is how often it is written while the clock is right. After a power cut, a clock that is lost
	// altogether starts at most so much too early.
	keepEvery = time.Hour
)

// Kept is what is known of the clock over restarts.
type Kept struct {
	// Time is when the clock was right last.
	Time time.Time `json:"time"`
	// Frequency is by how many ppm it had to run faster, and Known whether that was measured.
	Frequency float64 `json:"frequency_ppm"`
	Known     bool    `json:"known"`
}

// readKept returns what was kept; nothing if there is no file.
func readKept(dir string) (k Kept, err error) {
	b, err := statefile.Read(filepath.Join(dir, keptFile), maxKeptFile)
	if errors.Is(err, fs.ErrNotExist) {
		return k, nil
	}
	if err != nil {
		return k, err
	}
	if err := json.Unmarshal(b, &k); err != nil {
		return Kept{}, fmt.Errorf("%s: %w", keptFile, err)
	}
	if math.Abs(k.Frequency) > kernel.MaxFrequency {
		return Kept{}, fmt.Errorf("%s: a frequency of %g ppm", keptFile, k.Frequency)
	}
	return k, nil
}

// write has it on stable storage when it returns.
func (k Kept) write(dir string) error {
	b, err := json.MarshalIndent(k, "", "\t")
	if err != nil {
		return err
	}
	return statefile.Write(filepath.Join(dir, keptFile), append(b, '\n'), 0o600)
}
