//! A Vulkan driver for the native tests of the GPU: Mesa's lavapipe plays one on the processor.
//!
//! Without any, those tests say so and are skipped (`REQUIRE_GPU=1`: they fail).

import { readdirSync } from 'node:fs';
import { aptInstall } from './apt.mjs';

const DRIVERS = ['/usr/share/vulkan/icd.d', '/etc/vulkan/icd.d'];

function drivers() {
  return DRIVERS.flatMap((folder) => {
    try {
      return readdirSync(folder);
    } catch {
      return [];
    }
  });
}

/** Sees to a driver, where there is none and we may install one. */
export async function vulkanDriver() {
  if (process.platform !== 'linux' || process.env.VK_DRIVER_FILES || process.env.VK_ICD_FILENAMES || drivers().length > 0) return;
  await aptInstall('A Vulkan driver (Mesa)', 'mesa-vulkan-drivers', 'libvulkan1');
}
