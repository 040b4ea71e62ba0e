package models

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheFileIsItsOwnersAlone looks at what stands beside a new database; one that is there keeps its mode.
func TestTheFileIsItsOwnersAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "punctual.db")
	modes := func(when string, want os.FileMode) {
		t.Helper()
		s, err := Open(t.Context(), Config{Database: "sqlite:" + path})
		if err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(path + "*")
		if err != nil || len(files) < 3 {
			t.Fatalf("%v, %v", files, err)
		}
		for _, file := range files {
			info, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			if file != path+".lock" && info.Mode().Perm() != want {
				t.Errorf("%s, %s is %v", when, filepath.Base(file), info.Mode())
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	modes("new", 0o600)
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	modes("there already", 0o640)
}

func TestAFolderThatIsNotThere(t *testing.T) {
	_, err := Open(t.Context(), Config{Database: "sqlite:" + filepath.Join(t.TempDir(), "gone", "punctual.db")})
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "gone to keep the database in") {
		t.Errorf("%v", err)
	}
}
