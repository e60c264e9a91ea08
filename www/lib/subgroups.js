//! Subgroups on the GPU: the module's shaders use them where there are any, and wgpu (30) has no name for them in a browser.

/** From now on every device is asked for with subgroups, where its adapter has them. */
export function askForSubgroups() {
  if (!globalThis.GPUAdapter) return;
  const { prototype } = GPUAdapter;
  const request = prototype.requestDevice;
  prototype.requestDevice = function (asked) {
    const more = this.features.has('subgroups') ? ['subgroups'] : [];
    return request.call(this, { ...asked, requiredFeatures: [...(asked?.requiredFeatures ?? []), ...more] });
  };
}
