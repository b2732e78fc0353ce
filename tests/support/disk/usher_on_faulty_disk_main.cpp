// usher with its databases on a disk that fails as the file says that USHER_FAULTY_DISK names.
#include "app/cli.h"
#include "support/disk/faulty_disk.h"

int main(int argc, char** argv) {
  usher::testing::install_faulty_disk();
  return usher::app::run_command_line(argc, argv);
}
