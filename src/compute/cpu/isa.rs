//! Which instructions this processor has, and the way into code that is compiled for them.

/// An instruction set with kernels of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Isa {
    /// Plain Rust; not in the browser's modules, each of which has instructions of its own.
    #[cfg(not(target_arch = "wasm32"))]
    Portable,
    /// WebAssembly simd128.
    #[cfg(all(target_arch = "wasm32", not(target_feature = "relaxed-simd")))]
    Wasm,
    /// Relaxed SIMD, bytes multiplied to 16-bit pairs and four of those summed before they widen: fastest where the
    /// processor has no dot product of bytes.
    #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
    WasmChain,
    /// Relaxed SIMD, `i32x4.relaxed_dot_i8x16_i7x16_add`: one instruction where the processor has VNNI or SDOT.
    #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
    WasmDot,
    /// AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-VNNI: `vpdpbusd` on 256 bits.
    #[cfg(target_arch = "x86_64")]
    AvxVnni,
    /// AArch64's NEON.
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Isa {
    /// Every set that this processor has, the likely fastest first, plain Rust last.
    pub fn available() -> Vec<Isa> {
        let mut found = Vec::new();
        #[cfg(target_arch = "x86_64")]
        if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
            if std::is_x86_feature_detected!("avxvnni") {
                found.push(Isa::AvxVnni);
            }
            found.push(Isa::Avx2);
        }
        #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
        found.extend([Isa::WasmChain, Isa::WasmDot]);
        #[cfg(all(target_arch = "wasm32", not(target_feature = "relaxed-simd")))]
        found.push(Isa::Wasm);
        #[cfg(target_arch = "aarch64")]
        found.push(Isa::Neon);
        #[cfg(not(target_arch = "wasm32"))]
        found.push(Isa::Portable);
        found
    }

    /// The likely fastest set of this processor.
    pub fn best() -> Isa {
        Self::available()[0]
    }

    /// The plainest set there is, for answers that others are held against: the last of [`Isa::available`].
    pub const fn plain() -> Isa {
        #[cfg(not(target_arch = "wasm32"))]
        return Isa::Portable;
        #[cfg(all(target_arch = "wasm32", not(target_feature = "relaxed-simd")))]
        return Isa::Wasm;
        #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
        return Isa::WasmDot;
    }

    /// Stable name, for reports.
    pub fn name(self) -> &'static str {
        match self {
            #[cfg(not(target_arch = "wasm32"))]
            Isa::Portable => "portable",
            #[cfg(all(target_arch = "wasm32", not(target_feature = "relaxed-simd")))]
            Isa::Wasm => "wasm-simd128",
            #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
            Isa::WasmChain => "wasm-relaxed-chain",
            #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
            Isa::WasmDot => "wasm-relaxed-dot",
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Isa::AvxVnni => "avx-vnni",
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => "neon",
        }
    }
}

/// Declares `fn name(isa, args..)` that runs the generic `#[inline(always)]` function `body::<S: Simd>` compiled for `isa`.
macro_rules! entry {
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) = $body:ident) => {
        $(#[$doc])*
        $vis fn $name(isa: $crate::compute::cpu::isa::Isa, $($arg: $ty),*) {
            #[cfg(not(target_arch = "wasm32"))]
            use $crate::compute::cpu::isa::Isa;
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            unsafe fn avx2($($arg: $ty),*) {
                // SAFETY: the caller has AVX2 and FMA.
                unsafe { $body::<$crate::math::simd::avx2::Avx2>($($arg),*) }
            }
            // SAFETY: an `Isa` other than the plain one comes from `Isa::available` alone.
            unsafe {
                match isa {
                    #[cfg(not(target_arch = "wasm32"))]
                    Isa::Portable => $body::<$crate::math::simd::portable::Portable>($($arg),*),
                    #[cfg(target_arch = "wasm32")]
                    _ => $body::<$crate::math::simd::wasm::Wasm>($($arg),*),
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx2 | Isa::AvxVnni => avx2($($arg),*),
                    #[cfg(target_arch = "aarch64")]
                    Isa::Neon => $body::<$crate::math::simd::neon::Neon>($($arg),*),
                }
            }
        }
    };
}
pub(crate) use entry;
